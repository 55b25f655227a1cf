export { type AccountRules, type RowRules, type RowRulesOptions, rowRules, type RuledAccount } from "./row-rules.js";
export { type ColumnSet } from "./column-set.js";
export { equalities, type FieldKind, fillIn, type Filter } from "./condition.js";
export { columnsIn, type Grant, Grants } from "./grants.js";
export { type Rule, type RuleTable, type RuleVerb, ruleVerbs } from "./rule-table.js";
export { isServed } from "./served-by.js";
export { type AccessScope, type IsCovered, TableAccess, type WriteVerb, type Writing } from "./table-access.js";
