import 'uplot/dist/uPlot.min.css';
import './styles/base.css';
import './styles/layout.css';
import './styles/groups.css';
import './styles/group.css';
import './styles/controls.css';
import { render } from 'preact';
import { ApiClient } from './api/client.js';
import { pageClock } from './model/page-clock.js';
import { ServiceClock } from './model/service-clock.js';
import { Commands } from './state/commands.js';
import { EventFeed } from './state/event-feed.js';
import { Session } from './state/session.js';
import { TokenKeeper, type TokenStorage } from './state/token-keeper.js';
import { App } from './ui/app.js';
import { Fallback } from './ui/fallback.js';
import { ServicesContext } from './ui/services.js';

function tabStorage(): TokenStorage | undefined {
  try {
    return sessionStorage;
  } catch {
    // Forbidden by the browser's settings.
    return undefined;
  }
}

const clock = new ServiceClock();
const tokens = new TokenKeeper(tabStorage());
const api = new ApiClient({
  token: () => tokens.current,
  clock,
  seconds: pageClock(() => performance.now(), Date.now),
});
const session = new Session(() => api.snapshot(), tokens);
const commands = new Commands(api, session);
const events = new EventFeed((signal, lastEventId) => api.events(signal, lastEventId));

session.subscribe(() => {
  events.run(session.isWatching);
  if (session.connection.kind !== 'locked') return;
  // What a token has shown goes with it.
  events.clear();
  commands.putAllAway();
});
const look = () => session.show(document.visibilityState === 'visible');
document.addEventListener('visibilitychange', look);
look();
session.start();

const root = document.getElementById('app');
if (root === null) throw new Error('the page has no #app');
render(
  <ServicesContext.Provider value={{ api, clock, session, tokens, commands, events }}>
    <Fallback>
      <App />
    </Fallback>
  </ServicesContext.Provider>,
  root,
);
