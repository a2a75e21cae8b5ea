/** Groups that a POST has registered, to be deleted again. */
const POSTED = 'posted';
const BURNING = 4;
const DELETES_AT_ONCE = 10;
const WARM_UP_SECONDS = 1;

/** A service with some groups, a bare server beside it, and somebody who asks both. */
export class Scene {
  #load;
  #answerWith;
  #seconds;
  #busy = false;

  constructor({ service, load, answerWith, seconds }) {
    this.service = service;
    this.#load = load;
    this.#answerWith = answerWith;
    this.#seconds = seconds;
  }

  /** So many groups in all; one of them can keep all cores busy. */
  async register(count) {
    await this.service.register({ name: 'burns', module: 'burns.mjs', workers: BURNING });
    for (let i = 1; i < count; i++) await this.service.register({ name: `group-${i}`, module: 'empty.mjs' });
  }

  async saturate(busy) {
    if (busy === this.#busy) return;
    await (busy ? this.service.start('burns') : this.service.stop('burns'));
    this.#busy = busy;
  }

  /** So that the first round does not measure how code is compiled. */
  async warmUp() {
    const seconds = this.#seconds;
    this.#seconds = WARM_UP_SECONDS;
    for (const call of ['get', 'bareGet', 'post', 'barePost']) await this[call]();
    this.#seconds = seconds;
  }

  get() {
    return this.#load({ url: `${this.service.url}/v1/groups`, seconds: this.#seconds });
  }

  async bareGet() {
    const answer = await fetch(`${this.service.url}/v1/groups`);
    const url = await this.#answerWith(await answer.text());
    return this.#load({ url, seconds: this.#seconds });
  }

  async post() {
    const measured = await this.#load({
      url: `${this.service.url}/v1/groups`,
      seconds: this.#seconds,
      register: { name: POSTED, rest: { module: 'empty.mjs' } },
    });
    await this.#deletePosted();
    return measured;
  }

  async barePost() {
    const spec = { name: `${POSTED}-0`, module: 'empty.mjs' };
    const answer = await this.service.call('POST', '/v1/groups', spec);
    const url = await this.#answerWith(`${JSON.stringify(answer.body)}\n`);
    await this.#deletePosted();
    return this.#load({
      url,
      seconds: this.#seconds,
      register: { name: POSTED, rest: { module: 'empty.mjs' } },
    });
  }

  async #deletePosted() {
    for (;;) {
      const names = (await registered(this.service))
        .map(({ name }) => name)
        .filter((name) => name.startsWith(POSTED));
      if (names.length === 0) return;
      const lane = async () => {
        for (let name = names.pop(); name !== undefined; name = names.pop())
          await this.service.call('DELETE', `/v1/groups/${name}`);
      };
      await Promise.all(Array.from({ length: DELETES_AT_ONCE }, lane));
    }
  }
}

/** What GET /v1/groups says. */
export async function registered(service) {
  return (await service.call('GET', '/v1/groups')).body.groups;
}
