/** The interface of every sub-command of `npm run test:faults`. */

export interface CampaignOptions {
  /** Decides every random choice: the same seed gives the same cases. */
  seed: number;
  /** How many cases */
  count: number;
  /** Milliseconds after which no new case begins */
  within: number;
  /** All options of the command line */
  given: Record<string, string | undefined>;
  /** Reports one case, as a line of JSON. */
  tell(one: object): void;
}

export interface Counted {
  cases: number;
  /** One line for each thing that was wrong; empty if all is well */
  wrong: string[];
  /** Seconds */
  slowest?: number;
  note?: string;
}

export interface Campaign {
  /** The description of a case, for the table */
  what: string;
  /** The number of cases without `--count` */
  usual: number;
  run(options: CampaignOptions): Promise<Counted>;
}
