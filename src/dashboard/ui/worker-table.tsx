import { count, duration, NOTHING } from '../../readings/quantities.js';
import type { GroupStatus } from '../../schemas/group-status.js';
import { presentCall } from '../model/group-text.js';
import { useServices } from './services.js';
import { StateMark } from './state-mark.js';

/** The workers of a group. */
export function WorkerTable({ group: { workers } }: { group: GroupStatus }) {
  const { clock } = useServices();
  return (
    <section class="panel" aria-labelledby="workers-title">
      <h3 id="workers-title">Workers</h3>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard. */}
      <section class="scrolls" tabIndex={0} aria-label="Table of workers">
        <table class="workers">
          <thead>
            <tr>
              <th scope="col">Id</th>
              <th scope="col">Index</th>
              <th scope="col" class="left">
                State
              </th>
              <th scope="col">Iterations</th>
              <th scope="col">Errors</th>
              <th scope="col">Mean time</th>
              <th scope="col">This iteration</th>
              <th scope="col">Restarts</th>
            </tr>
          </thead>
          <tbody>
            {workers.map((worker) => (
              <tr key={worker.id}>
                <th scope="row">{worker.id}</th>
                <td>{worker.index}</td>
                <td class="left">
                  <StateMark state={worker.state} />
                </td>
                <td>{count(worker.iterations)}</td>
                <td>{count(worker.errors)}</td>
                <td>
                  {worker.iterations === 0 ? NOTHING : duration(worker.workerTimeSeconds / worker.iterations)}
                </td>
                <td>{presentCall(worker, clock)}</td>
                <td>{count(worker.restarts)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </section>
  );
}
