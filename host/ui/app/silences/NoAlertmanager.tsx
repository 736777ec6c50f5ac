// What the pages of the Alertmanager show where none runs inside.
import { Missing } from '../frame/Missing';

export function NoAlertmanager({ title }: { title: string }) {
  return (
    <Missing title={title}>
      <p>
        No Alertmanager runs inside this server; it needs <code>--alertmanager.config.file</code>.
        Alerts and silences of others are found where they run.
      </p>
    </Missing>
  );
}
