/** What every sub-command of `npm run test:faults` is. */

export interface CampaignOptions {
  /** Every choice comes from it: the same seed gives the same cases. */
  seed: number;
  /** How many cases */
  count: number;
  /** Milliseconds after which no new case begins */
  within: number;
  /** Everything that was given on the command line */
  given: Record<string, string | undefined>;
  /** One case: printed as a line of JSON. */
  tell(one: object): void;
}

export interface Counted {
  cases: number;
  /** One line for each thing that was wrong; none is well */
  wrong: string[];
  /** Seconds */
  slowest?: number;
  note?: string;
}

export interface Campaign {
  /** What a case is, for the table */
  what: string;
  /** Cases when `--count` isn't given */
  usual: number;
  run(options: CampaignOptions): Promise<Counted>;
}
