// Types of filters and of their operators, by the types of the columns.

import type { ReferenceName, ReferencesOfColumns, TargetOf } from "./reference-type.js";
import type { BaseOf, ColumnsOf, ElementOf, IsOpen, JsonType, Known, ListType, TypeOf } from "./infer.js";

/** Tests of absence, which every column takes. */
export interface AbsenceTests {
  readonly $null?: boolean;
  readonly $not_null?: boolean;
}

/** Comparisons, which columns with an order take. */
export interface Comparisons<Value> extends AbsenceTests {
  readonly $eq?: Value;
  readonly $ne?: Value;
  readonly $gt?: Value;
  readonly $ge?: Value;
  readonly $gte?: Value;
  readonly $lt?: Value;
  readonly $le?: Value;
  readonly $lte?: Value;
  readonly $between?: readonly [Value, Value];
  readonly $not_between?: readonly [Value, Value];
  readonly $in?: readonly Value[];
  readonly $not_in?: readonly Value[];
  readonly $nin?: readonly Value[];
}

/** Tests of parts of strings. */
export interface TextTests<Value> extends Comparisons<Value> {
  readonly $begins_with?: string;
  readonly $not_begins_with?: string;
  readonly $ends_with?: string;
  readonly $not_ends_with?: string;
  readonly $contains?: string;
  readonly $not_contains?: string;
  readonly $like?: string;
  readonly $not_like?: string;
  readonly $ilike?: string;
  readonly $not_ilike?: string;
  readonly $regexp?: string;
  readonly $not_regexp?: string;
  readonly $iregexp?: string;
  readonly $not_iregexp?: string;
}

/** Tests of the elements of lists and sets. */
export interface ElementTests<Element> extends AbsenceTests {
  readonly $contains?: Element;
  readonly $not_contains?: Element;
}

type Compared<Column> = TypeOf<Column> extends "decimal" | "numeric" ? string | number : BaseOf<Column>;

type ConditionOf<Column> =
  TypeOf<Column> extends JsonType | "geopoint" | "blob"
    ? AbsenceTests | null
    : TypeOf<Column> extends ListType
      ? ElementTests<ElementOf<Column>> | null
      : TypeOf<Column> extends "decimal" | "numeric"
        ? Compared<Column> | readonly Compared<Column>[] | Comparisons<Compared<Column>> | null
        : BaseOf<Column> extends string
          ? Compared<Column> | readonly Compared<Column>[] | TextTests<Compared<Column>> | null
          : Compared<Column> | readonly Compared<Column>[] | Comparisons<Compared<Column>> | null;

type GroupName = "$or" | "$and" | "$not";

/**
 * A filter: all of its entries hold together.
 *
 * - `column: value` is equality, a list membership, null absence; `{ $gt: 1, $lt: 9 }` names operators.
 * - `$or`, `$and` and `$not` take a filter whose entries are joined, or a list of filters. A number behind the name
 *   (`$or1`) allows several in one object.
 */
export type FilterOf<Tables, Name extends keyof Tables> = Known<
  Tables,
  Filter<
    Name,
    {
      readonly [Column in keyof ColumnsOf<Tables, Name>]?:
        | ConditionOf<ColumnsOf<Tables, Name>[Column]>
        | RefersByColumn<Tables, Column, ColumnsOf<Tables, Name>[Column]>;
    }
  > &
    ReferenceConditions<Tables, ColumnsOf<Tables, Name>> &
    Groups<Tables, Name> &
    (IsOpen<Tables, Name> extends true ? AnyConditions : unknown),
  AnyConditions
>;
// As the aliases of infer.ts, for the compiler's messages.
type Filter<_Table, Conditions> = { [Column in keyof Conditions]: Conditions[Column] };
type FilterOps<_Table, Names> = { [Column in keyof Names]: Names[Column] };
/** The condition of a reference that has the name of its column. */
type RefersByColumn<Tables, Name, Column> = Column extends { readonly ref: infer Ref }
  ? ReferenceName<Name, Ref> extends Name
    ? RefersTo<Tables, TargetOf<Ref>>
    : never
  : never;
/** References that do not have the name of a column. */
type ReferenceConditions<Tables, Columns> = [Columns] extends [never]
  ? never
  : {
      readonly [Name in Exclude<keyof ReferencesOfColumns<Columns>, keyof Columns>]?: RefersTo<Tables, ReferencesOfColumns<Columns>[Name]>;
    };
/** The row that is referred to is there, and the filter holds for it. Filters of reads alone take it. */
type RefersTo<Tables, Target> = Target extends keyof Tables ? { readonly $ref: FilterOf<Tables, Target> } : never;
type Groups<Tables, Name extends keyof Tables> = [Name] extends [never]
  ? never
  : { readonly [Group in GroupName | `${GroupName}${number}`]?: FilterOf<Tables, Name> | readonly FilterOf<Tables, Name>[] };
interface AnyConditions {
  readonly [column: string]: unknown;
}

type AbsenceName = "null" | "not_null" | "not null";
type ComparisonName =
  | "eq"
  | "ne"
  | "gt"
  | "ge"
  | "gte"
  | "lt"
  | "le"
  | "lte"
  | "between"
  | "not_between"
  | "not between"
  | "in"
  | "not_in"
  | "not in"
  | "nin"
  | "="
  | "=="
  | "!="
  | "<>"
  | ">"
  | ">="
  | "<"
  | "<=";
type NegatableName<Name extends string> = Name | `not_${Name}` | `not ${Name}`;
type TextName =
  | NegatableName<"begins_with" | "ends_with" | "contains" | "like" | "ilike" | "regexp" | "iregexp" | "like%">
  | "~"
  | "!~"
  | "~*"
  | "!~*";

type OperatorNameOf<Column> =
  TypeOf<Column> extends JsonType | "geopoint" | "blob"
    ? AbsenceName
    : TypeOf<Column> extends ListType
      ? AbsenceName | NegatableName<"contains">
      : TypeOf<Column> extends "decimal" | "numeric"
        ? AbsenceName | ComparisonName
        : BaseOf<Column> extends string
          ? AbsenceName | ComparisonName | TextName
          : AbsenceName | ComparisonName;

/** Operators of a filter's plain values, by column. */
export type FilterOpsOf<Tables, Name extends keyof Tables> = Known<
  Tables,
  FilterOps<Name, { readonly [Column in keyof ColumnsOf<Tables, Name>]?: OperatorNameOf<ColumnsOf<Tables, Name>[Column]> }> &
    (IsOpen<Tables, Name> extends true ? AnyOperatorNames : unknown),
  AnyOperatorNames
>;
interface AnyOperatorNames {
  readonly [column: string]: string;
}
