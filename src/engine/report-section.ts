/**
 * What a workflow says about its results in the report of a run, as plain data: the workflow knows what its files mean,
 * the report knows how it looks.
 */

/** A cell of a table: text, a number (shown with four digits), or nothing. */
export type ReportCell = string | number | null;

/** A column of a table of a report, with unit and meaning. */
export interface ReportColumn {
  readonly name: string;
  readonly unit?: string;
  readonly meaning?: string;
}

/** A named value of a report. */
export interface ReportFact {
  readonly name: string;
  readonly value: ReportCell;
  readonly unit?: string;
  /** How to read it, in one clause. */
  readonly meaning?: string;
}

/** A line chart. */
export interface ReportLines {
  readonly title: string;
  readonly x: { readonly title: string; readonly values: readonly number[] };
  readonly y: { readonly title: string };
  /** As long as the values of x; null: no value there. */
  readonly series: readonly { readonly name: string; readonly values: readonly (number | null)[] }[];
}

/** A volume of which slices are drawn. */
export interface ReportMap {
  /** Absolute. */
  readonly path: string;
  readonly label: string;
  readonly unit: string;
  /** Default: from 0 to the 99.5th percentile of the voxels that are not 0. */
  readonly range?: readonly [number, number];
  /** `cyclic`: an angle, whose colours meet at both ends. Default `sequential`. */
  readonly colors?: 'sequential' | 'diverging' | 'cyclic';
  /** The file holds three components per voxel, in voxels or mm: their length in mm is shown. */
  readonly vectors?: 'voxels' | 'mm';
}

/** A surface and what it can be coloured by. */
export interface ReportSurface {
  readonly label: string;
  /** Absolute; any format that neuroloom reads. */
  readonly mesh: string;
  /** GIfTI files with one or more arrays of a value per vertex, absolute. */
  readonly overlays: readonly string[];
}

/** A piece of a section of the report: text, notice, facts, table, chart, picture, maps or viewer. */
export type ReportBlock =
  | { readonly kind: 'text'; readonly paragraphs: readonly string[] }
  | { readonly kind: 'notice'; readonly tone: 'good' | 'warning' | 'bad'; readonly text: string }
  | { readonly kind: 'facts'; readonly title: string; readonly facts: readonly ReportFact[] }
  | {
      readonly kind: 'table';
      readonly title: string;
      readonly columns: readonly ReportColumn[];
      readonly rows: readonly (readonly ReportCell[])[];
      /** Column whose cells lead to the page of that participant. */
      readonly participantColumn?: number;
      readonly caption?: string;
    }
  | ({ readonly kind: 'lines'; readonly caption: string } & ReportLines)
  | {
      readonly kind: 'panels';
      readonly title: string;
      readonly caption: string;
      readonly panels: readonly ReportLines[];
    }
  | {
      readonly kind: 'histogram';
      readonly title: string;
      readonly caption: string;
      /** Of the values, with unit. */
      readonly x: string;
      /** Of what is counted, such as `participants`. */
      readonly counted: string;
      readonly values: readonly number[];
    }
  /** A square matrix, row by row, for example of distances. */
  | {
      readonly kind: 'matrix';
      readonly title: string;
      readonly caption: string;
      readonly unit: string;
      readonly labels: readonly string[];
      readonly values: readonly number[];
    }
  /** An SVG or PNG file that a node made. */
  | { readonly kind: 'picture'; readonly title: string; readonly caption: string; readonly path: string }
  | {
      readonly kind: 'maps';
      readonly title: string;
      readonly caption: string;
      readonly maps: readonly ReportMap[];
    }
  /** An interactive viewer of volumes: the first is below the others. */
  | {
      readonly kind: 'viewer';
      readonly title: string;
      readonly caption: string;
      readonly volumes: readonly ReportMap[];
    }
  /** Interactive surfaces, coloured by one of their overlays, which is chosen in the page. */
  | {
      readonly kind: 'surfaces';
      readonly title: string;
      readonly caption: string;
      readonly surfaces: readonly ReportSurface[];
    }
  /** A surface coloured by one value per vertex. */
  | {
      readonly kind: 'surface';
      readonly title: string;
      readonly caption: string;
      /** Absolute; any format that neuroloom reads. */
      readonly mesh: string;
      /** NaN: grey. */
      readonly values: ArrayLike<number>;
      readonly label: string;
      readonly unit: string;
      /** Default `sequential`. */
      readonly colors?: 'sequential' | 'diverging' | 'cyclic';
      /** Values of the ends of the scale; default from what 1 % do not reach to what 1 % exceed. */
      readonly range?: readonly [number, number];
    };

/** A reference of the methods of a report. */
export interface ReportCitation {
  /** Authors, year, title, journal, doi: as it goes into a list of references. */
  readonly text: string;
  readonly doi?: string;
}

/** A participant with a page of their own in the report. */
export interface ReportParticipant {
  /** As in the keys of the items. */
  readonly label: string;
  /** As people know it, where that is something else. */
  readonly name?: string;
  /** Made when its page is written. */
  blocks(): readonly ReportBlock[] | Promise<readonly ReportBlock[]>;
}

/** What a workflow says of its results: blocks, pages of participants, methods, references. */
export interface ReportSection {
  readonly title: string;
  readonly blocks: readonly ReportBlock[];
  readonly participants?: readonly ReportParticipant[];
  /** Paragraphs to paste into a paper, with the settings of this run. */
  readonly methods: readonly string[];
  readonly citations: readonly ReportCitation[];
}
