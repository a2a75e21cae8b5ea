import { Component, type ComponentChildren } from 'preact';

/** Shows that the page itself has failed, in place of a page that stands still or is empty. */
export class Fallback extends Component<{ children: ComponentChildren }, { error?: Error }> {
  override state: { error?: Error } = {};

  override componentDidCatch(error: Error): void {
    console.error(error);
    this.setState({ error });
  }

  override render() {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    return (
      <main role="alert">
        <h1>This page has failed</h1>
        <p>
          {error.message} Groups go on all the same, and so do the API and the commands. Load the page again
          to go on here.
        </p>
        <button type="button" class="primary" onClick={() => location.reload()}>
          Load again
        </button>
      </main>
    );
  }
}
