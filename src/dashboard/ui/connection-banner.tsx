import { useEffect, useState } from 'preact/hooks';
import { timeOfDay } from './moment.js';
import { useServices } from './services.js';

/** Says that the service does not answer, as long as it does not. */
export function ConnectionBanner() {
  const { session } = useServices();
  const { connection } = session;
  const lost = connection.kind === 'lost' ? connection : undefined;
  return (
    <>
      <div role="status" class={lost ? 'banner' : 'unseen'}>
        {lost && (
          <p>
            <strong>{lost.lastSeen === undefined ? 'No connection.' : 'Connection lost.'}</strong> {lost.why}
            {lost.lastSeen !== undefined && ` What is shown is of ${timeOfDay(lost.lastSeen)}.`}
          </p>
        )}
      </div>
      {lost && (
        <div class="banner retry">
          <Countdown until={lost.retryAt} />
          <button type="button" onClick={() => session.lookNow()}>
            Try now
          </button>
        </div>
      )}
    </>
  );
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
