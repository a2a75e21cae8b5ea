import { setTimeout as sleep } from 'node:timers/promises';

/** How long those watch that come and go. */
const STAY_MS = 2_000;
/** The group whose log is followed, which lives as long as the watchers. */
const LOGGED = 'logs';

/**
 * Watches a service until `signal` fires: two that stay, one that comes again and again with the id of the last event
 * that it has seen, one that does so with the log of a group that is there all the time. Resolves when all have gone.
 */
export async function watch(client, signal) {
  const path = `/v1/groups/${LOGGED}`;
  await client.ok('PUT', path, { module: 'worker.mjs', workers: 1, params: { how: 'logs' } });
  await client.ok('POST', `${path}/start`);
  const watchers = [
    client.stream('/v1/events', { signal, read: () => {} }),
    client.stream('/v1/events', { signal, read: () => {} }),
    comeAndGo(signal, eventsOf(client)),
    comeAndGo(signal, logOf(client, path)),
  ];
  await Promise.all(watchers);
  await client.ok('DELETE', path);
}

/** Each visit is an abort away from the next. */
async function comeAndGo(signal, visit) {
  while (!signal.aborted) {
    const leave = new AbortController();
    const timer = setTimeout(() => leave.abort(), STAY_MS);
    await visit(AbortSignal.any([signal, leave.signal]));
    clearTimeout(timer);
    await sleep(100);
  }
}

function eventsOf(client) {
  let last;
  return (signal) =>
    client.stream('/v1/events', {
      signal,
      headers: last === undefined ? {} : { 'last-event-id': last },
      read: (text) => {
        last = [...text.matchAll(/^id: (\S+)$/gm)].at(-1)?.[1] ?? last;
      },
    });
}

function logOf(client, path) {
  let last;
  return (signal) =>
    client.stream(`${path}/logs?follow=true${last === undefined ? '' : `&after=${last}`}`, {
      signal,
      read: (text) => {
        last = [...text.matchAll(/"seq":(\d+)/g)].at(-1)?.[1] ?? last;
      },
    });
}
