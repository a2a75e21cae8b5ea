import { useState } from 'preact/hooks';
import { Dialog } from './dialog.js';
import { Field } from './field.js';
import { useServices } from './services.js';

/** Asks for the token, until the service takes one. */
export function TokenDialog() {
  const { session } = useServices();
  const [token, setToken] = useState('');
  const [missing, setMissing] = useState(false);
  const { connection } = session;
  const isWrong = connection.kind === 'locked' && connection.wrong;
  const wrong = isWrong ? 'This is not the token of this service.' : undefined;
  return (
    <Dialog title="This service asks for a token" onClose={undefined}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          setMissing(token.trim() === '');
          if (token.trim() !== '') session.useToken(token.trim());
          setToken('');
        }}
      >
        <Field
          label="Token"
          value={token}
          onValue={setToken}
          error={missing ? 'Type the token.' : wrong}
          hint="The value of PW_TOKEN; with that of PW_READ_TOKEN you can look and change nothing. It is kept in this tab until you close it."
          secret
        />
        <div class="buttons">
          <button type="submit" class="primary">
            Use token
          </button>
        </div>
      </form>
    </Dialog>
  );
}
