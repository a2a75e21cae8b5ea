import { remarksOf } from '../../readings/group-words.js';
import { age } from '../../readings/quantities.js';
import type { GroupView } from '../model/history.js';
import { EventsPanel } from './events-panel.js';
import { Failures } from './failures.js';
import { GroupCommands } from './group-commands.js';
import { GroupFacts } from './group-facts.js';
import { GroupPlots } from './group-plots.js';
import { LogPanel } from './log-panel.js';
import { useServices } from './services.js';
import { StateMark } from './state-mark.js';
import { WorkerTable } from './worker-table.js';

interface GroupPageProps {
  readonly name: string;
  /** Undefined: there is no such group, or it is not known yet. */
  readonly view: GroupView | undefined;
}

/** One group, with everything there is to see of it. */
export function GroupPage({ name, view }: GroupPageProps) {
  const { session, clock } = useServices();
  if (view === undefined)
    return (
      <>
        <Back />
        <h2 class="group-name">{name}</h2>
        <p class="quiet">{session.hasSeen ? 'There is no such group.' : 'Loading …'}</p>
      </>
    );
  const { group } = view;
  return (
    <article class="group" aria-labelledby="group-name">
      <Back />
      <div class="title">
        <h2 id="group-name" class="group-name">
          {name}
        </h2>
        <StateMark state={group.state} />
        <span class="since">
          for {age(clock.since(group.since))}, desired {group.desired}
        </span>
        <GroupCommands group={group} />
      </div>
      {remarksOf(group, clock.now()).map((remark) => (
        <p key={remark} class={`remark ${group.state === 'failed' ? 'bad' : ''}`}>
          {remark}
        </p>
      ))}
      <GroupFacts view={view} />
      <GroupPlots view={view} />
      <WorkerTable group={group} />
      <Failures group={group} />
      <div class="beside">
        <LogPanel key={name} name={name} />
        <EventsPanel name={name} heading="h3" />
      </div>
      <details class="panel">
        <summary>Spec</summary>
        <pre>{JSON.stringify(group.spec, null, 2)}</pre>
      </details>
    </article>
  );
}

function Back() {
  return (
    <nav aria-label="Back">
      <a href="#/">← All groups</a>
    </nav>
  );
}
