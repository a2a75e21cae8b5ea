import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { NO_COVERAGE, newSeed, numbersFrom, scaled } from '../support/chance.js';
import { processes } from '../support/processes.js';
import { type Service, startService, until } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';

const KILLS = scaled(500);
const SEED = newSeed();

/** No other group of this machine is called so. */
const PREFIX = `killed-${process.pid}-`;
const CLIENTS = 4;

/** What a user can say of a group whose commands were acknowledged. */
interface Known {
  workers: number;
  v: number;
  desired: 'running' | 'stopped';
}

/** Whole numbers from 0 to below what is asked, the same for the same seed. */
function wholeNumbersFrom(seed: number): (below: number) => number {
  const next = numbersFrom(seed);
  return (below) => Math.floor(next() * below);
}

/** One user, with one group of his own: he sends a command when the one before is answered. */
class Client {
  readonly name: string;
  readonly #runs: boolean;
  readonly #random: (below: number) => number;
  acknowledged: Known | undefined;
  /** What the command under way would make of it; the same while there is none. */
  asked: Known | undefined;
  /** Stands for this registration of the name: another has another. */
  token = 0;
  #v = 0;

  constructor(name: string, runs: boolean, random: (below: number) => number) {
    this.name = name;
    this.#runs = runs;
    this.#random = random;
  }

  /** The next command. Resolves when it is acknowledged, with the status it was answered with; rejects when nobody answers. */
  async send(service: Service) {
    const { method, path, body, makes } = this.#choose();
    this.asked = makes;
    const answer = await service.call(method, path, body);
    assert.ok(
      answer.status < 300,
      `${method} ${path} ${JSON.stringify(body)}: ${answer.status} ${answer.body.detail}`,
    );
    if (this.acknowledged === undefined && makes !== undefined) this.token++;
    this.acknowledged = makes;
    return makes === undefined ? undefined : answer.body;
  }

  #choose(): { method: string; path: string; body?: unknown; makes: Known | undefined } {
    const { acknowledged: known, name } = this;
    const path = `/v1/groups/${name}`;
    const v = ++this.#v;
    const workers = 1 + this.#random(3);
    const spec = { name, module: 'sleeps.mjs', workers, labels: { v: String(v) } };
    if (known === undefined)
      return { method: 'POST', path: '/v1/groups', body: spec, makes: { workers, v, desired: 'stopped' } };
    // Hosts are what costs time here: only one of the groups is ever started.
    const deed = this.#random(12);
    switch (deed === 5 && !this.#runs ? 8 : deed) {
      case 0:
      case 1:
        return { method: 'DELETE', path, makes: undefined };
      case 2:
        return { method: 'PUT', path, body: spec, makes: { ...known, workers, v } };
      case 3:
      case 4:
        return {
          method: 'PATCH',
          path,
          body: { workers, labels: { v: `${v}` } },
          makes: { ...known, workers, v },
        };
      case 5:
        return { method: 'POST', path: `${path}/start?wait=false`, makes: { ...known, desired: 'running' } };
      case 6:
      case 7:
        return { method: 'POST', path: `${path}/stop`, makes: { ...known, desired: 'stopped' } };
      default:
        return { method: 'PATCH', path, body: { labels: { v: `${v}` } }, makes: { ...known, v } };
    }
  }
}

/** Who has had which worker id. */
class Ids {
  readonly #owners = new Map<number, string>();
  readonly #gone = new Set<number>();
  #last = new Map<string, number[]>();

  see(owner: string, ids: number[], what: string): void {
    for (const id of ids) {
      assert.ok(!this.#gone.has(id), `${what}: worker ${id} was there before, and gone`);
      const before = this.#owners.get(id) ?? owner;
      assert.equal(owner, before, `${what}: worker ${id} of another registration`);
      this.#owners.set(id, owner);
    }
    for (const id of this.#last.get(owner) ?? []) if (!ids.includes(id)) this.#gone.add(id);
    this.#last.set(owner, ids);
  }

  forget(owner: string): void {
    for (const id of this.#last.get(owner) ?? []) this.#gone.add(id);
    this.#last.delete(owner);
  }
}

const idsOf = (body: { workers: { id: number }[] }) => body.workers.map(({ id }) => id);

test(`${KILLS} SIGKILLs of the service under load: nothing acknowledged is lost, nothing is invented`, async (t) => {
  t.diagnostic(`PW_TEST_SEED=${SEED}`);
  const random = wholeNumbersFrom(SEED);
  const stateDir = temporaryDirectory(t);
  const clients = Array.from({ length: CLIENTS }, (_, i) => new Client(`${PREFIX}${i}`, i === 0, random));
  const ids = new Ids();
  let order: string[] = [];
  let commands = 0;
  let inFlight = 0;
  for (let kill = 1; kill <= KILLS; kill++) {
    const what = `PW_TEST_SEED=${SEED}, kill ${kill}`;
    const service = await startService(t, { stateDir, env: NO_COVERAGE });
    order = await check(service, clients, ids, order, what);
    const left = readdirSync(join(stateDir, 'groups')).filter((file) => !/^killed-[\d-]+\.json$/.test(file));
    assert.deepEqual(left, [], `${what}: files that should not be there`);
    let answers = 0;
    const enough = random(14);
    const underLoad = clients.map(async (client) => {
      try {
        for (;;) {
          const owner = () => `${client.name} ${client.token}`;
          const body = await client.send(service);
          commands++;
          if (body === undefined) ids.forget(owner());
          else if (body.workers !== undefined) ids.see(owner(), idsOf(body), what);
          if (++answers === enough) service.process.kill('SIGKILL');
        }
      } catch (error) {
        // Nobody answers any more: what was asked may have come true, or not.
        if (!(error instanceof TypeError)) throw error;
        inFlight++;
      }
    });
    if (enough === 0) setImmediate(() => service.process.kill('SIGKILL'));
    await Promise.all(underLoad);
    await service.end('SIGKILL');
    await noHosts(what);
  }
  t.diagnostic(`${commands} commands were acknowledged, ${inFlight} were under way`);
});

/** Compares what there is with what was acknowledged, and takes it for what is known from now on. */
async function check(
  service: Service,
  clients: Client[],
  ids: Ids,
  orderBefore: string[],
  what: string,
): Promise<string[]> {
  assert.deepEqual((await service.call('GET', '/readyz')).body, { status: 'ok', setAside: [] }, what);
  const { groups } = (await service.call('GET', '/v1/groups')).body;
  const known = new Set(clients.map(({ name }) => name));
  for (const { name } of groups) assert.ok(known.has(name), `${what}: ${name} was never registered`);
  for (const client of clients) {
    const group = groups.find(({ name }: { name: string }) => name === client.name);
    const is: Known | undefined = group && {
      workers: group.spec.workers,
      v: Number(group.spec.labels.v),
      desired: group.desired,
    };
    const allowed = [client.acknowledged, client.asked].map((state) => JSON.stringify(state));
    assert.ok(
      allowed.includes(JSON.stringify(is)),
      `${what}: ${client.name} is ${JSON.stringify(is)}, acknowledged and asked: ${allowed.join(', ')}`,
    );
    if (client.acknowledged === undefined && is !== undefined) client.token++;
    if (group === undefined) ids.forget(`${client.name} ${client.token}`);
    else ids.see(`${client.name} ${client.token}`, idsOf(group), what);
    client.acknowledged = is;
    client.asked = is;
  }
  const tokens = new Map(clients.map(({ name, token }) => [name, `${name} ${token}`]));
  const order: string[] = groups.map(({ name }: { name: string }) => tokens.get(name) ?? name);
  const still = orderBefore.filter((token) => order.includes(token));
  assert.deepEqual(
    order.filter((token) => still.includes(token)),
    still,
    `${what}: the order of registration`,
  );
  return order;
}

/** Hosts end with their service, however that came about. */
async function noHosts(what: string): Promise<void> {
  await until(`${what}: all hosts to end`, () =>
    processes().some(({ command }) => command.includes(PREFIX)) ? undefined : true,
  );
}
