// Watches the events of a service as many clients do, in a thread of its own so that whoever measures is not held up.
import { request } from 'node:http';
import { connect } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

const { url, reading, deaf } = workerData;
const readers = [];

for (let i = 0; i < reading; i++) {
  const reader = { first: 0, last: 0, count: 0 };
  readers.push(reader);
  const asked = request(`${url}/v1/events`, { agent: false });
  asked.on('error', () => {}).end();
  await new Promise((resolve) => {
    asked.once('response', (response) => {
      let rest = '';
      response.setEncoding('utf8').on('error', () => {});
      response.on('data', (chunk) => {
        resolve();
        rest += chunk;
        const end = rest.lastIndexOf('\n\n');
        if (end < 0) return;
        for (const [, number] of rest.slice(0, end).matchAll(/^id: \w+-(\d+)\nevent: changed$/gm)) {
          reader.first ||= Number(number);
          reader.last = Number(number);
          reader.count++;
        }
        rest = rest.slice(end + 2);
      });
    });
  });
}
for (let i = 0; i < deaf; i++) {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => {}).pause();
  socket.write('GET /v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n');
}
parentPort.postMessage('ready');
parentPort.on('message', () => parentPort.postMessage(readers));
