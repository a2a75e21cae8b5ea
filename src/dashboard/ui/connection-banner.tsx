import { useEffect, useState } from 'preact/hooks';
import type { Connection } from '../state/session.js';
import { timeOfDay } from './moment.js';
import { useServices } from './services.js';

/** Says that the service does not answer, as long as it does not. */
export function ConnectionBanner() {
  const { session } = useServices();
  const { connection } = session;
  const lastSeen = 'lastSeen' in connection ? connection.lastSeen : undefined;
  const [head, why] = textOf(connection);
  const shown = lastSeen === undefined ? '' : `What is shown is of ${timeOfDay(lastSeen)}.`;
  return (
    <section aria-label="Connection">
      <div role="status" class={head === '' ? 'unseen' : 'banner'}>
        {head !== '' && (
          <p>
            <strong>{head}</strong> {[why, shown].filter((part) => part !== '').join(' ')}
          </p>
        )}
      </div>
      {connection.kind === 'lost' && (
        <div class="banner retry">
          <Countdown until={connection.retryAt} />
          <button type="button" onClick={() => session.lookNow()}>
            Try now
          </button>
        </div>
      )}
    </section>
  );
}

function textOf(connection: Connection): [head: string, why: string] {
  switch (connection.kind) {
    case 'lost':
      if (connection.refused) return ['The service refuses to tell.', connection.why];
      return [connection.lastSeen === undefined ? 'No connection.' : 'Connection lost.', connection.why];
    case 'late':
      return ['The service takes long to answer.', ''];
    default:
      return ['', ''];
  }
}

function Countdown({ until }: { until: number }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, []);
  const seconds = Math.max(0, Math.ceil((until - now) / 1000));
  return <span>{seconds === 0 ? 'Trying …' : `Trying again in ${seconds} s`}</span>;
}
