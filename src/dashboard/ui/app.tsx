import { useEffect, useRef, useState } from 'preact/hooks';
import { countStates } from '../model/group-text.js';
import { routeOf } from '../model/route.js';
import { Announcer } from './announcer.js';
import { ConnectionBanner } from './connection-banner.js';
import { EventsPanel } from './events-panel.js';
import { GroupList } from './group-list.js';
import { GroupPage } from './group-page.js';
import { Header } from './header.js';
import { Notices } from './notices.js';
import { RegisterDialog } from './register-dialog.js';
import { useServices } from './services.js';
import { TokenDialog } from './token-dialog.js';
import { useChanges } from './use-changes.js';

/** The whole page. */
export function App() {
  const { session, commands } = useServices();
  useChanges(session);
  const route = useRoute();
  const [registering, setRegistering] = useState(false);
  const main = useRef<HTMLElement>(null);
  const place = route.page === 'group' ? route.name : '';
  useFocusOnMove(main, place);
  // What was said of a command belongs to the page that it was given on.
  useEffect(() => commands.putAllAway(), [commands, place]);
  const {
    views,
    connection: { kind },
  } = session;
  const states = countStates(views.map(({ group }) => group));
  const failed = states.find(([state]) => state === 'failed')?.[1] ?? 0;
  useEffect(() => {
    // What is seen of a tab in the background.
    const parts = [failed > 0 ? `${failed} failed` : '', place, 'parallel-workers'];
    document.title = parts.filter((part) => part !== '').join(' · ');
  }, [place, failed]);

  const found = views.find(({ group }) => group.name === place);
  return (
    <>
      <Header states={states} onRegister={() => setRegistering(true)} />
      <ConnectionBanner />
      <main ref={main} tabIndex={-1} class={kind === 'lost' || kind === 'late' ? 'old' : ''}>
        <Notices />
        {route.page === 'group' ? (
          <GroupPage key={route.name} name={route.name} view={found} />
        ) : (
          <>
            <GroupList views={views} />
            {views.length > 0 && <EventsPanel name={undefined} heading="h2" />}
          </>
        )}
      </main>
      <Announcer groups={views.map(({ group }) => group)} />
      {registering && <RegisterDialog onClose={() => setRegistering(false)} />}
      {kind === 'locked' && <TokenDialog />}
    </>
  );
}

function useRoute() {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const follow = () => setHash(location.hash);
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  return routeOf(hash);
}

/** Whoever reads by ear or moves by keyboard goes on at the new content; not when the page has just been opened. */
function useFocusOnMove(main: { current: HTMLElement | null }, place: string): void {
  const before = useRef(place);
  useEffect(() => {
    if (before.current === place) return;
    before.current = place;
    scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [main, place]);
}
