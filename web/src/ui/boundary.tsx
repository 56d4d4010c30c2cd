/**
 * Holds a fault where it happened: the part says that it broke and offers to draw it again; the rest of the page goes on.
 * Nothing typed is lost: what was written is kept by its owner (`matrix/drafts`), not by what draws it.
 */

import { Component, type ComponentChildren } from "preact";

import { words } from "../words";
import "./boundary.css";

const w = words({
  broke: ["이 부분을 그리다가 문제가 생겼습니다.", "Something went wrong while this part was drawn."],
  kept: ["쓰던 글은 남아 있습니다.", "What you were writing is kept."],
  again: ["다시 열기", "Show it again"],
  reload: ["새로고침", "Reload"],
  details: ["자세히", "Details"],
  small: ["보여 줄 수 없습니다.", "This cannot be shown."],
});

interface Held {
  children: ComponentChildren;
  /** What is shown; another one is given a new chance. */
  of?: string;
  /** One row of many: a line is enough. */
  small?: boolean;
}

export class Boundary extends Component<Held, { fault: Error | null; of?: string }> {
  override state = { fault: null as Error | null, of: this.props.of };

  static getDerivedStateFromError(thrown: unknown) {
    return { fault: thrown instanceof Error ? thrown : new Error(String(thrown)) };
  }

  static getDerivedStateFromProps(props: Held, state: { of?: string }) {
    return props.of === state.of ? null : { fault: null, of: props.of };
  }

  override componentDidCatch(thrown: unknown): void {
    console.error("a part of the page broke:", thrown);
  }

  override render() {
    const { fault } = this.state;
    if (!fault) return this.props.children;
    if (this.props.small) return <p class="quiet" title={fault.message}>{w.small}</p>;
    return (
      <div class="broken" role="alert">
        <p><strong>{w.broke}</strong></p>
        <p class="quiet">{w.kept}</p>
        <p class="answers">
          <button class="primary" onClick={() => this.setState({ fault: null })}>{w.again}</button>
          <button onClick={() => location.reload()}>{w.reload}</button>
        </p>
        <details>
          <summary>{w.details}</summary>
          <pre>{`${fault.name}: ${fault.message}`}</pre>
        </details>
      </div>
    );
  }
}
