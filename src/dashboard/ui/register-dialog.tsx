import { useRef, useState } from 'preact/hooks';
import { bodyOf, type FormErrors, type FormField, type RegistrationForm } from '../model/registration.js';
import { groupHash } from '../model/route.js';
import { Dialog } from './dialog.js';
import { Field } from './field.js';
import { useServices } from './services.js';

const EMPTY: RegistrationForm = { name: '', module: '', workers: '2', params: '', more: '' };

/** Asks for the spec of a group. What is wrong with it, the service says, at the field that it is wrong in. */
export function RegisterDialog({ onClose }: { onClose: () => void }) {
  const { commands } = useServices();
  const [form, setForm] = useState(EMPTY);
  const [errors, setErrors] = useState<FormErrors>({});
  const [sending, setSending] = useState(false);
  const element = useRef<HTMLFormElement>(null);
  const field = (name: FormField) => ({
    value: form[name],
    onValue: (value: string) => setForm((before) => ({ ...before, [name]: value })),
    error: errors[name],
  });

  // What is under way cannot be called back, and its answer belongs here.
  const close = () => {
    if (!sending) onClose();
  };

  async function submit() {
    const made = bodyOf(form);
    setSending(true);
    const wrong = 'errors' in made ? made.errors : await commands.register(made.body);
    setSending(false);
    setErrors(wrong ?? {});
    if (wrong === undefined) {
      onClose();
      location.hash = groupHash(form.name.trim());
    } else {
      // Once it is marked.
      requestAnimationFrame(() =>
        element.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus(),
      );
    }
  }

  return (
    <Dialog title="Register a group" onClose={close}>
      <form
        ref={element}
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (!sending) void submit();
        }}
      >
        <div role="alert">{errors.whole !== undefined && <p class="error">{errors.whole}</p>}</div>
        <Field label="Name" {...field('name')} />
        <Field
          label="Module"
          {...field('module')}
          hint="Path in the workers directory, such as digits/worker.mjs"
        />
        <Field label="Workers" {...field('workers')} input={{ inputMode: 'numeric' }} />
        <Field label="Params (JSON)" {...field('params')} rows={3} hint="Any JSON, given to the module" />
        <Field
          label="Further fields of the spec (JSON)"
          {...field('more')}
          rows={3}
          hint={'An object, such as {"feed": {"capacity": 800}, "labels": {"role": "train"}}'}
        />
        <div class="buttons">
          <button type="button" class="plain" aria-disabled={sending} onClick={close}>
            Cancel
          </button>
          <button type="submit" class="primary" aria-disabled={sending}>
            {sending ? 'Registering …' : 'Register'}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
