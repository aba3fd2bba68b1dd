/**
 * The internal queue that holds a cron's firings until its function has run. Queues that users name have no dots, so the
 * two never meet.
 */
export function cronQueueName(cron: string): string {
  return `cron.${cron}`;
}
