import assert from 'node:assert/strict';
import test from 'node:test';
import { HostReports } from '#dist/coordinator/host-reports.js';
import type { HostReport, WorkerReport } from '#dist/host/host-message.js';

const worker = (changes: Partial<WorkerReport> = {}): WorkerReport => ({
  id: 1,
  seconds: 1,
  errors: 0,
  buckets: [5, 0],
  progressAt: 1,
  droppedLines: 0,
  droppedMessages: 0,
  ...changes,
});
const report = (workers: WorkerReport[], changes: Partial<HostReport> = {}): HostReport => ({
  type: 'report',
  request: 0,
  workers,
  rssBytes: 1,
  cpuSeconds: 1,
  ...changes,
});

test('of workers that are not the group’s nothing is kept', () => {
  const reports = new HostReports(2);
  reports.accept(report([worker({ id: 1 }), worker({ id: 4711 })]), [1]);
  assert.equal(reports.worker(1)?.buckets[0], 5);
  assert.equal(reports.worker(4711), undefined);
});

test('a report that cannot be true is dropped, and the one before it stands', () => {
  const nonsense = {
    'buckets of another group': [worker({ buckets: [9, 0, 0] })],
    'too few buckets': [worker({ buckets: [9] })],
    'a count that goes back': [worker({ buckets: [4, 0] })],
    'more errors than calls': [worker({ errors: 6 })],
    'dropped lines that go back': [worker({ droppedLines: 2 })],
  };
  for (const [what, workers] of Object.entries(nonsense)) {
    const reports = new HostReports(2);
    reports.accept(report([worker({ droppedLines: 3 })]), [1]);
    reports.accept(report(workers), [1]);
    assert.deepEqual(reports.worker(1), worker({ droppedLines: 3 }), what);
  }
});

test('a worker that a report leaves out keeps what it had, until it has left', () => {
  const reports = new HostReports(2);
  reports.accept(report([worker()]), [1, 2]);
  reports.accept(report([worker({ id: 2 })]), [1, 2]);
  assert.equal(reports.worker(1)?.id, 1);
  reports.forget(1);
  assert.equal(reports.worker(1), undefined);
});
