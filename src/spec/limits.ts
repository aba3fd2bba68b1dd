/**
 * Every default and limit of the platform, in one place. A name ends in its unit.
 *
 * Arguments of components override the defaults; the limits (`MAX_…`) are checked when a component is constructed.
 */

const KIB = 1024;
const MIB = 1024 * KIB;

/** Largest request body that the gateway passes on; a larger one is answered with 413. */
export const DEFAULT_MAX_REQUEST_BYTES = 6 * MIB;
/** Largest buffered response; one that is streamed to an endpoint's caller has no limit. A larger one is answered with 502. */
export const DEFAULT_MAX_RESPONSE_BYTES = 6 * MIB;

/** Time that one invocation may run before it is answered with 504. */
export const DEFAULT_TIMEOUT_SECONDS = 30;
export const MAX_TIMEOUT_SECONDS = 900;

/** Memory of one instance. */
export const DEFAULT_MEMORY_MIB = 256;
export const MIN_MEMORY_MIB = 64;
export const MAX_MEMORY_MIB = 32 * 1024;
/** Share of an instance's memory that its JavaScript heap may take; the rest is for buffers and the runtime. */
export const HEAP_SHARE = 0.75;

/** CPU share of one instance, in cores. */
export const DEFAULT_CPU_CORES = 0.25;

/** Invocations that one instance runs at the same time. */
export const DEFAULT_CONCURRENCY = { nodejs: 16, custom: 1 } as const;
export const MAX_CONCURRENCY = 1_000;

/** Replicas of a function: from `min` to `max`, and the time without traffic after which it goes back to `min`. */
export const DEFAULT_SCALE_MIN = 0;
export const DEFAULT_SCALE_MAX = 10;
export const MAX_SCALE = 1_000;
export const DEFAULT_IDLE_SECONDS = 300;

/** Requests of one function that wait for an instance at one gateway; more are answered with 429. */
export const DEFAULT_MAX_HELD_REQUESTS = 1_000;
/**
 * Bytes of request bodies that one gateway holds for one function, until an instance has them; more are answered with 429.
 * Those of a custom runtime are held until they are answered: they may have to be offered to another instance.
 */
export const DEFAULT_MAX_HELD_BYTES = 64 * MIB;
/** Share of a gateway's memory that held bodies of all functions together may take; more are answered with 429. */
export const HELD_MEMORY_SHARE = 1 / 4;
/** As many bytes at most where nothing limits the gateway's memory. */
export const MAX_UNLIMITED_HELD_BYTES = 1024 * MIB;
/** Requests of one function whose bodies one gateway reads at a time; for another one, the slowest is answered with 408. */
export const MAX_READ_REQUESTS = 1_000;
/** A body of which less comes in each of these periods, until it is complete, is answered with 408. */
export const MIN_BODY_BYTES_PER_SECOND = 4 * KIB;
export const BODY_PERIOD_SECONDS = 10;
/** Share of a gateway's memory for queue messages that it receives and stores at a time; more are answered with 429. */
export const PUBLISHING_MEMORY_SHARE = 1 / 16;
/** As many bytes at most. */
export const MAX_PUBLISHING_BYTES = 64 * MIB;
/** Share of a gateway's memory for answers that clients have not taken yet; beyond it, those that stall are cut off. */
export const UNSENT_MEMORY_SHARE = 1 / 8;
/** As many bytes at most. */
export const MAX_UNSENT_ANSWER_BYTES = 256 * MIB;
/** A client that takes less of its answer than this, on average of a minute, is cut off. */
export const MIN_ANSWER_BYTES_PER_SECOND = 1 * KIB;
/** Time that a request waits for an instance before it is answered with 503. Does not count toward the timeout. */
export const INSTANCE_WAIT_SECONDS = 60;
export const MAX_INSTANCE_WAIT_SECONDS = 900;

/** Time that Services and load balancers may take to learn that a gateway leaves; it serves as before until then. */
export const LEAVE_NOTICE_SECONDS = 5;
/** Time for answers to be sent once every handler has ended. */
const SEND_SECONDS = 20;
/** Time for links and NATS to be left in order. */
const LEAVE_LINKS_SECONDS = 10;
/** Time that endpoints have to close: what they have taken in may wait for an instance, and then run for the longest timeout. */
export const LONGEST_CLOSE_SECONDS = INSTANCE_WAIT_SECONDS + MAX_TIMEOUT_SECONDS + SEND_SECONDS;
/** Time that a gateway has to leave; its endpoints close once nobody sends it more. */
export const LONGEST_LEAVE_SECONDS = LEAVE_NOTICE_SECONDS + LONGEST_CLOSE_SECONDS + LEAVE_LINKS_SECONDS;

/**
 * Time that an instance has to initialise: Node.js until the code is loaded, a bootstrap until its first request for an
 * event. Shorter than the wait for an instance.
 */
export const DEFAULT_INIT_SECONDS = 45;
/** What a custom runtime reads as RUNTIME_USERDATA. */
export const MAX_USER_DATA_BYTES = 32 * KIB;

/** Deliveries of a queue message before it goes to the dead-letter queue. */
export const DEFAULT_QUEUE_MAX_DELIVERIES = 5;
/** Deliveries of a cron firing before it goes to the dead-letter queue. */
export const DEFAULT_CRON_MAX_DELIVERIES = 3;
export const MAX_DELIVERIES = 100;
/** Largest message that a queue accepts. */
export const MAX_MESSAGE_BYTES = 6 * MIB;
/** First pause before a message is delivered again; doubles with each further delivery. */
export const REDELIVERY_BACKOFF_SECONDS = 1;
/** Longest pause before a message is delivered again. */
export const MAX_REDELIVERY_BACKOFF_SECONDS = 300;
/** Characters of a deduplication id: enough for a URL or a handful of keys; a request's headers together have 16 KiB. */
export const MAX_DEDUPLICATION_ID_LENGTH = 1_024;
/** Deduplication ids that a queue remembers: the newest ones, and none longer than the time below. */
export const MAX_DEDUPLICATION_IDS = 100_000;
export const DEDUPLICATION_HOURS = 24;
/** Firings that a cron with `missed: "all"` catches up with at most, the newest ones. */
export const MAX_MISSED_FIRINGS = 1_000;
/** A firing that is late by up to this time still counts as on time; beyond it the cron's `missed` decides. */
export const LATE_FIRING_SECONDS = 60;

/** Code and resources of one function, unpacked. */
export const MAX_CODE_BYTES = 50 * MIB;
/** Files of one function's package. */
export const MAX_CODE_FILES = 20_000;
/** Bytes that an archive unpacks to, for each of its own: code has 2 to 10, bombs have hundreds. */
export const MAX_CODE_RATIO = 200;

/** One environment variable of a function with its name: Linux has 128 KiB for a string of a process (MAX_ARG_STRLEN). */
export const MAX_VARIABLE_BYTES = 127 * KIB;
/** All of a function's environment variables with their names: a Secret of Kubernetes has 1 MiB in all. */
export const MAX_VARIABLES_BYTES = 512 * KIB;

/** All parameters of an app together, as JSON. */
export const MAX_PARAMS_BYTES = 256 * KIB;

/** Port of `fullcode start`; the regions of `local()` count up from the next one. */
export const START_PORT = 4000;
export const FIRST_LOCAL_REGION_PORT = 4001;

/** Names of apps, environments, regions, functions, triggers and queues. */
export const MAX_NAME_LENGTH = 53;
/** Path of an endpoint. */
export const MAX_PATH_LENGTH = 512;
/** Example of an endpoint or a queue, as JSON. */
export const MAX_EXAMPLE_BYTES = 4 * KIB;
