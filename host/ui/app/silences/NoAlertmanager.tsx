// What the pages of the Alertmanager show where none runs inside.
import { Page } from '../frame/Page';

export function NoAlertmanager({ title }: { title: string }) {
  return (
    <Page title={title}>
      <p>
        No Alertmanager runs inside this server; it needs <code>--alertmanager.config.file</code>.
        Alerts and silences of others are found where they run.
      </p>
    </Page>
  );
}
