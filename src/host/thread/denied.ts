/** Which grant of a spec goes with a permission of Node. */
const GRANTS: ReadonlyMap<string, string> = new Map([
  ['FileSystemRead', 'read'],
  ['FileSystemWrite', 'write'],
  ['ChildProcess', 'childProcess'],
  ['WASI', 'wasi'],
]);

/** What to do about an error of the fence; Node's own advice is a flag, which is not for the author of a worker to give. */
export function grantAdvice(code?: string, permission?: string, resource?: string): string | undefined {
  const grant = code === 'ERR_DLOPEN_DISABLED' ? 'addons' : GRANTS.get(permission ?? '');
  if (grant === undefined || !(code === 'ERR_ACCESS_DENIED' || code === 'ERR_DLOPEN_DISABLED'))
    return undefined;
  const what = resource === undefined || resource === '' ? '' : ` of ${resource}`;
  return `The fence of this service (PW_PERMISSIONS) allows no ${grant}${what}: grant it by permissions.${grant} of the group's spec.`;
}
