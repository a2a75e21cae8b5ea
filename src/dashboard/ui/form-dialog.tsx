import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Dialog } from './dialog.js';
import { useServices } from './services.js';

interface FormDialogProps {
  readonly title: string;
  /** Of the button that sends it, and of the same while it is under way. */
  readonly submit: readonly [text: string, underWay: string];
  /** Sends it. @returns what is wrong, which the fields show as well; undefined when it is done */
  readonly send: () => Promise<string | undefined>;
  /** What it was for, should it be refused when nobody sees the form any more. */
  readonly failure: string;
  readonly onDone?: () => void;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

/** A form in a dialog. It is sent once at a time, and may be closed while it is under way. */
export function FormDialog({ title, submit, send, failure, onDone, onClose, children }: FormDialogProps) {
  const { commands } = useServices();
  const [sending, setSending] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const open = useRef(true);
  useEffect(
    () => () => {
      open.current = false;
    },
    [],
  );

  async function sendIt() {
    setSending(true);
    const wrong = await send();
    if (!open.current) {
      if (wrong !== undefined) commands.tell(`${failure} ${wrong}`);
      return;
    }
    setSending(false);
    if (wrong === undefined) {
      onClose();
      onDone?.();
    } else {
      // Once it is marked.
      requestAnimationFrame(() => form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus());
    }
  }

  return (
    <Dialog title={title} onClose={onClose}>
      <form
        ref={form}
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (!sending) void sendIt();
        }}
      >
        {children}
        <div class="buttons">
          <button type="button" class="plain" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary" aria-disabled={sending}>
            {submit[sending ? 1 : 0]}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
