import { useServices } from './services.js';

interface HeaderProps {
  readonly summary: string;
  readonly onRegister: () => void;
}

/** What the page is, how things are, and what can be done anywhere. */
export function Header({ summary, onRegister }: HeaderProps) {
  const { session, tokens } = useServices();
  return (
    <header class="top">
      <h1>
        <a href="#/">parallel-workers</a>
      </h1>
      <p class="summary">{summary}</p>
      <div class="buttons">
        {tokens.current !== undefined && session.tokenNeed === 'none' && (
          <button type="button" class="plain" onClick={() => session.forgetToken()}>
            Forget token
          </button>
        )}
        <a class="button plain" href="./docs" target="_blank" rel="noreferrer">
          API
        </a>
        <button type="button" class="primary" onClick={onRegister}>
          Register a group
        </button>
      </div>
    </header>
  );
}
