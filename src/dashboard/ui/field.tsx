import { useId } from 'preact/hooks';

interface FieldProps {
  readonly label: string;
  readonly value: string;
  readonly onValue: (value: string) => void;
  readonly hint?: string;
  /** What is wrong with the value. */
  readonly error?: string | undefined;
  /** Lines of text; otherwise one. */
  readonly rows?: number;
  readonly secret?: boolean;
  readonly input?: { readonly inputMode?: 'numeric' };
}

/** One thing to fill in, with what is wrong with it. */
export function Field({ label, value, onValue, hint, error, rows, secret, input }: FieldProps) {
  const id = useId();
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ');
  const shared = {
    id,
    value,
    spellcheck: false,
    autocapitalize: 'off' as const,
    autocomplete: 'off' as const,
    'aria-invalid': error !== undefined,
    ...(described !== '' && { 'aria-describedby': described }),
  };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {rows === undefined ? (
        <input
          {...shared}
          {...input}
          type={(secret ? 'password' : 'text') as 'text'}
          onInput={(event) => onValue(event.currentTarget.value)}
        />
      ) : (
        <textarea {...shared} rows={rows} onInput={(event) => onValue(event.currentTarget.value)} />
      )}
      {error !== undefined && (
        <p class="error" id={`${id}-error`} role="alert">
          {error}
        </p>
      )}
      {hint !== undefined && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}
