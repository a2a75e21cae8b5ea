import { isAbsolute, relative, sep } from 'node:path';

/** Whether the path is below the directory; both absolute, and real where links matter. */
export function isInside(directory: string, path: string): boolean {
  const way = relative(directory, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
