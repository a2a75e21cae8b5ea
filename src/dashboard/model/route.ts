/** What the page shows: all groups, or one. */
export type Route = { readonly page: 'groups' } | { readonly page: 'group'; readonly name: string };

/** The route that the part of the address after # says; everything unknown is the list. */
export function routeOf(hash: string): Route {
  const [, text = ''] = /^#\/groups\/([^/]+)$/.exec(hash) ?? [];
  const name = decoded(text);
  return name === '' ? { page: 'groups' } : { page: 'group', name };
}

export function groupHash(name: string): string {
  return `#/groups/${encodeURIComponent(name)}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}
