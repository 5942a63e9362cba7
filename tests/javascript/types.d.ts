// Owns the types that several modules of the console share. They are global, so that a comment names them without an
// import; the shapes of answers are those of docs/openapi.json.

type Schemas = import("./openapi").components["schemas"];
type Catalog = Schemas["CatalogAnswer"];
type Entry = Schemas["TransactionAnswer"];
type Figures = Schemas["FiguresAnswer"];
type Breach = Schemas["BreachAnswer"];
type Unverified = Schemas["UnverifiedAnswer"];
type Faults = { breaches: Breach[]; unverified: Unverified[] };
type AuditResult = Schemas["AuditAnswer"];
type Generation = Schemas["GenerationAnswer"];
type WeeklyReport = Schemas["WeeklyReportAnswer"];

/** The answers of the functions that the console calls. */
interface Answers {
  cancelGenerationRequest: Generation;
  createGenerationRequest: Schemas["QueuedGenerationAnswer"];
  getAudit: Schemas["GetAuditAnswer"];
  getCatalog: Catalog;
  getGenerationStatus: Generation;
  getUserCredits: Schemas["UserCreditsAnswer"];
  getWebhookSecret: Schemas["WebhookSecretAnswer"];
  getWeeklyReport: WeeklyReport;
  grantCredits: Schemas["GrantCreditsAnswer"];
  listGenerationRequests: Schemas["GenerationsAnswer"];
  listWeeklyReports: Schemas["WeeklyReportsAnswer"];
  revokeGrant: Schemas["RevokeGrantAnswer"];
  verifyBooks: Schemas["VerifyBooksAnswer"];
}

interface CallOptions {
  /** Sent with GET; empty values are left out. */
  query?: Record<string, string | number | null | undefined>;
  /** Sent with POST. */
  body?: Record<string, unknown>;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** The page calls by itself: no sign-in is asked for. */
  isBackground?: boolean;
}

/** A request whose answer was lost, with its idempotency key. */
interface UnansweredRequest {
  name: string;
  body: Record<string, unknown>;
  key: string;
}

interface Violation {
  field: string;
  description: string;
}

/** One of google.rpc.ErrorInfo, BadRequest and RetryInfo. */
interface ErrorDetail {
  "@type"?: string;
  reason?: string;
  fieldViolations?: Violation[];
  retryDelay?: string;
}

/** What Firebase Hosting says of the project; `emulators` has addresses such as 127.0.0.1:8080, none when deployed. */
interface Environment {
  projectId?: string;
  apiKey?: string;
  emulators: Record<string, string | undefined>;
}

/** `endsAt` is in Unix milliseconds. */
interface Tokens {
  idToken: string;
  refreshToken: string;
  endsAt: number;
}

/** A value of Firestore's REST API with its type, such as `{integerValue: "3"}`. */
type FirestoreValue = Record<string, any>;

interface FirestoreDocument {
  name: string;
  fields?: Record<string, FirestoreValue>;
  /** Both are absent where the document does not exist but has children. */
  createTime?: string;
  updateTime?: string;
}

/** A call that the functions host served. */
interface ServedCall {
  at: string;
  method: string;
  function: string;
  status: number;
  durationMs: number;
  requestId?: string;
  firestore?: { reads: number; writes: number };
  /** Whether it ran beside another call, so that its cost is not known. */
  overlapped?: boolean;
  /** Whether the console itself read this, for what it shows. */
  isPageRead?: boolean;
}

type Template = import("lit-html").TemplateResult;
type ElementPart = import("lit-html").ElementPart;

/** What a page is made with. Its state calls `update` after a change; `signal` is aborted when the page is left. */
interface Page {
  signal: AbortSignal;
  update: () => void;
  emulators: Environment["emulators"];
  /** The part of the address behind the page, such as the week of a report. */
  argument: string | null;
}

/** Makes the state of a page and returns its view. */
type MakePage = (page: Page) => () => unknown;

/** `update` renders a dialog anew; `signal` is aborted when it is closed. */
interface Dialog {
  signal: AbortSignal;
  update: () => void;
  close: () => void;
}

type Form = import("../../public/ui/form.js").Form;
type ControlElement = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

interface Choice {
  value: string;
  content: unknown;
}

interface Column<Row> {
  title: string;
  cell: (row: Row) => unknown;
  /** Aligned to the right. */
  number?: boolean;
  /** Left out on a phone. */
  isExtra?: boolean;
}

/** A part of a list; with a token there is more. */
interface Part<Item> {
  items: Item[];
  nextPageToken: string | null;
}

interface Line {
  label: string;
  values: (number | null)[];
  /** A property of the stylesheet. */
  color: string;
  kind: "line" | "bars" | "marks";
  show: (value: number) => string;
}

/** Named points of the x axis. */
interface Ticks {
  at: number[];
  labels: string[];
  names: string[];
  margin: number;
}

interface Plotted {
  /** In Unix seconds. */
  times: number[];
  lines: Line[];
  /** The labels of the y axis. */
  tick?: (value: number) => string;
  /** Of the y axis. */
  range?: (least: number, most: number) => [number, number];
  ticks: Ticks;
  /** Whether all values are whole numbers. */
  isCount?: boolean;
  /** The point whose values are read while the pointer is elsewhere; the last unless given. */
  chosen?: number;
}

type AccountChoice = import("../../public/accounts/choice.js").AccountChoice;

interface KnownAccount {
  userId: string;
  credits: number;
}

type Gallery = import("../../public/generations/gallery.js").Gallery;
type Finder = import("../../public/generations/finder.js").Finder;

/** What a request is called with; with a token its environment variable is named, never the token. */
interface ApiCall {
  url: string;
  key: string;
  body: AskedPicture;
  hasToken: boolean;
}

/** What can be done with a generation in its dialog, on the page that it is opened from. */
interface DetailsOffer {
  /** The list that it is one of. */
  neighbours?: { items: Generation[] };
  /** Fills in a form. */
  use?: (asked: AskedPicture) => unknown;
  retry?: (asked: AskedPicture) => unknown;
}

type Making = import("../../public/pages/create/making.js").Making;
type Pictures = import("../../public/pages/create/pictures.js").Pictures;
type PictureRequest = import("../../public/pages/create/request.js").PictureRequest;

/** The body of a request for a picture. */
type AskedPicture = { userId: string } & Record<string, string>;

/** Where a fault of a request for a picture stands. */
type Faulty = "account" | "form";

interface UnderWay {
  kind: "underWay";
  text: string;
  /** In percent, 0 where it is not known. */
  progress: number;
  /** Whether it can be cancelled, which it can until it is begun. */
  isQueued: boolean;
}

type MakingStage =
  | UnderWay
  | { kind: "ended"; generation: Generation }
  /** `isUndecided` where the request may have been carried out. */
  | { kind: "refused"; error: unknown; isUndecided: boolean };

interface MakingListener {
  onBegin: () => void;
  /** When the status has changed. */
  onStep: (generation: Generation) => void;
  /** When the balance may have changed. */
  onCharge: () => void;
  onRefusal: (making: Making, error: unknown) => Promise<void>;
}

/** Resolves to whether a refusal is said elsewhere than in place of the picture. */
type TakeRefusal = (error: unknown) => Promise<boolean>;

/** Which entries of a ledger are asked for, "" for any. */
type EntryQuery = { type: string; createdAfter: string; createdBefore: string };
type Totals = Partial<Record<Entry["type"], Schemas["TotalAnswer"]>>;

/** The ledger of an account, newest first. */
interface Statement extends Part<Entry> {
  userId: string;
  /** Null where there is no such account. */
  currentCredits: number | null;
  /** Of all parts. */
  totals: Totals;
}

type Grant = import("../../public/pages/account/grants.js").Grant;
type Opening = import("../../public/pages/account/opening.js").Opening;
type Ledger = import("../../public/pages/account/statement.js").Ledger;
type Action = import("../../public/ui/once.js").Action;

type GrantOutcome =
  { kind: "nothing" } | { kind: "busy" } | { kind: "done"; text: string } | { kind: "failed"; error: unknown };

type Reports = import("../../public/pages/reports/reports.js").Reports;
type Failures = import("../../public/pages/reports/failures.js").Failures;
type Dimension = "Model" | "Style" | "Color" | "Size";

interface Trend {
  title: string;
  label: string;
  kind: "line" | "bars";
  value: (report: WeeklyReport) => number | null;
  show: (value: number | null) => string;
  /** The kind of anomaly that is marked in this plot. */
  anomaly: string;
  look: Partial<Plotted>;
}

type CollectionNode = import("../../public/pages/data/tree.js").CollectionNode;
type DocumentNode = import("../../public/pages/data/tree.js").DocumentNode;

type FailureRates = import("../../public/pages/operations/rates.js").FailureRates;
type FailureRate = import("../../public/pages/operations/rates.js").FailureRate;
