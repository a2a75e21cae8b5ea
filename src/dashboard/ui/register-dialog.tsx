import { useState } from 'preact/hooks';
import {
  bodyOf,
  type FormErrors,
  type FormField,
  inWords,
  type RegistrationForm,
} from '../model/registration.js';
import { groupHash } from '../model/route.js';
import { Field } from './field.js';
import { FormDialog } from './form-dialog.js';
import { useServices } from './services.js';

const EMPTY: RegistrationForm = { name: '', module: '', workers: '2', params: '', more: '' };

/** Asks for the spec of a group. What is wrong with it, the service says, at the field that it is wrong in. */
export function RegisterDialog({ onClose }: { onClose: () => void }) {
  const { commands } = useServices();
  const [form, setForm] = useState(EMPTY);
  const [errors, setErrors] = useState<FormErrors>({});
  const field = (name: FormField) => ({
    value: form[name],
    onValue: (value: string) => setForm((before) => ({ ...before, [name]: value })),
    error: errors[name],
  });

  async function send(): Promise<string | undefined> {
    const made = bodyOf(form);
    const wrong = 'errors' in made ? made.errors : await commands.register(made.body);
    setErrors(wrong ?? {});
    return wrong && inWords(wrong);
  }

  return (
    <FormDialog
      title="Register a group"
      submit={['Register', 'Registering …']}
      send={send}
      failure={`Could not register ${form.name.trim()}.`}
      onDone={() => {
        location.hash = groupHash(form.name.trim());
      }}
      onClose={onClose}
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
    </FormDialog>
  );
}
