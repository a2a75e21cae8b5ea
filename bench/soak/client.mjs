import { Agent, request } from 'node:http';

/** Calls a service; its connections end with it, so that none is left that it did not close. */
export class Client {
  #url;
  #agent = new Agent({ keepAlive: true, maxSockets: 16 });
  /** How many calls were answered. */
  calls = 0;

  constructor(url) {
    this.#url = url;
  }

  /**
   * @param {object} [options]
   * @param {unknown} [options.body] sent as JSON
   * @param {boolean} [options.fresh] on a connection of its own, which ends with the answer
   * @returns {Promise<{ status: number, headers: object, body: unknown }>} `body` is parsed where it is JSON
   */
  async call(method, path, { body, fresh = false } = {}) {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const response = await new Promise((resolve, reject) => {
      request(this.#url + path, {
        method,
        agent: fresh ? new Agent() : this.#agent,
        headers: text === undefined ? {} : { 'content-type': 'application/json' },
      })
        .on('response', resolve)
        .on('error', reject)
        .end(text);
    });
    const pieces = [];
    for await (const piece of response) pieces.push(piece);
    const answer = Buffer.concat(pieces).toString();
    this.calls++;
    const json = /[/+]json/.test(response.headers['content-type']);
    return {
      status: response.statusCode,
      headers: response.headers,
      body: json ? JSON.parse(answer) : answer,
    };
  }

  /** As `call`, and throws the problem when it is refused. */
  async ok(method, path, body) {
    const answer = await this.call(method, path, { body });
    if (answer.status >= 300)
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  /**
   * Reads an answer that has no end, until `signal` fires, or the service ends it.
   * @param {(text: string) => void} read
   * @returns {Promise<void>} when it is over
   */
  stream(path, { headers = {}, signal, read }) {
    return new Promise((resolve, reject) => {
      const over = (error) => (signal.aborted || error === undefined ? resolve() : reject(error));
      request(this.#url + path, { agent: new Agent(), headers, signal })
        .on('response', (response) => {
          if (response.statusCode !== 200) reject(new Error(`GET ${path}: ${response.statusCode}`));
          response.setEncoding('utf8').on('data', read);
          response.on('end', () => over()).on('error', over);
        })
        .on('error', over)
        .end();
    });
  }

  close() {
    this.#agent.destroy();
  }
}
