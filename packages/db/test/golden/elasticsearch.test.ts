import { silentLog, systemClock } from "@bk/core";
import { describe, expect, it } from "vitest";
import { elasticsearchDriver } from "../../src/drivers/elasticsearch/index.js";
import { shapes } from "./shapes.js";

// What the driver does not claim: the core never asks for it.
const unclaimed = [
  "update by filter",
  "delete by filter",
  "update texts",
  "update incr",
  "filter texts",
  "filter texts, negated",
  "filter same",
  "add over an expired row",
  "update guarded",
  "delete guarded, old row",
  "put, key of two, old row",
  "update, old row",
];

describe("driver: elasticsearch", () => {
  it("compiles the fixed shapes to these commands", async () => {
    const driver = await elasticsearchDriver({
      url: "elasticsearch:?prefix=app-&shards=2",
      options: {},
      clock: systemClock,
      log: silentLog,
    });
    const entries = Object.entries(shapes).filter(([name]) => !unclaimed.includes(name));
    const commands = Object.fromEntries(entries.map(([name, shape]) => [name, JSON.stringify(driver.describe(driver.compile(shape)))]));
    expect(commands).toMatchInlineSnapshot(`
      {
        "add": "{"POST":"/app-account/_bulk","action":"create","key":[{"slot":0}],"row":[{"slot":0},{"slot":1},{"slot":2},{"slot":3},{"slot":4}]}",
        "count": "{"POST":"/app-photo/_count","body":{"query":{"term":{"owner":{"value":{"slot":0}}}}}}",
        "define column": "{"PUT":"/app-photo/_mapping","body":{"properties":{"meta":{"type":"keyword","index":false,"doc_values":false,"meta":{"kind":"json"}},"$has":{"properties":{"meta":{"type":"boolean"}}}}}}",
        "define index": "{"PUT":"/app-photo/_mapping","body":{"properties":{"$index":{"properties":{"place,stars":{"type":"boolean","index":false,"doc_values":false}}}}}}",
        "define open table": "{"PUT":"/app-note.v1","body":{"aliases":{"app-note":{}},"settings":{"number_of_shards":2,"analysis":{"char_filter":{"bk_sigma":{"type":"mapping","mappings":["ς => σ"]}},"tokenizer":{"bk_words":{"type":"pattern","pattern":"[^\\\\p{L}\\\\p{N}]+"}},"filter":{"bk_length":{"type":"truncate","length":1000}},"analyzer":{"bk_words":{"type":"custom","char_filter":["bk_sigma"],"tokenizer":"bk_words","filter":["lowercase","bk_length"]}}}},"mappings":{"dynamic":"strict","properties":{"$order":{"type":"object"},"$long":{"type":"object","dynamic":false},"$has":{"type":"object","properties":{"_rest":{"type":"boolean"}}},"$index":{"type":"object"},"$unique":{"type":"object"},"id":{"type":"keyword","meta":{"kind":"text","key":"1"}},"text":{"type":"keyword","meta":{"kind":"text"}},"_rest":{"type":"keyword","index":false,"doc_values":false,"meta":{"kind":"json"}}}}}}",
        "define search": "{"PUT":"/app-post/_mapping","body":{"properties":{"title":{"type":"keyword","meta":{"kind":"text"},"fields":{"words":{"type":"text","analyzer":"bk_words","norms":false}}},"body":{"type":"keyword","meta":{"kind":"text"},"fields":{"words":{"type":"text","analyzer":"bk_words","norms":false}}},"$long":{"properties":{"title":{"type":"text","analyzer":"bk_words","norms":false},"body":{"type":"text","analyzer":"bk_words","norms":false}}}}}}",
        "define searched table": "{"PUT":"/app-post.v1","body":{"aliases":{"app-post":{}},"settings":{"number_of_shards":2,"analysis":{"char_filter":{"bk_sigma":{"type":"mapping","mappings":["ς => σ"]}},"tokenizer":{"bk_words":{"type":"pattern","pattern":"[^\\\\p{L}\\\\p{N}]+"}},"filter":{"bk_length":{"type":"truncate","length":1000}},"analyzer":{"bk_words":{"type":"custom","char_filter":["bk_sigma"],"tokenizer":"bk_words","filter":["lowercase","bk_length"]}}}},"mappings":{"dynamic":"strict","properties":{"$order":{"type":"object"},"$long":{"type":"object","dynamic":false,"properties":{"title":{"type":"text","analyzer":"bk_words","norms":false},"body":{"type":"text","analyzer":"bk_words","norms":false}}},"$has":{"type":"object"},"$index":{"type":"object"},"$unique":{"type":"object"},"id":{"type":"keyword","meta":{"kind":"text","key":"1"}},"title":{"type":"keyword","meta":{"kind":"text"},"fields":{"words":{"type":"text","analyzer":"bk_words","norms":false}}},"body":{"type":"keyword","meta":{"kind":"text"},"fields":{"words":{"type":"text","analyzer":"bk_words","norms":false}}}}}}}",
        "define table": "{"PUT":"/app-photo.v1","body":{"aliases":{"app-photo":{}},"settings":{"number_of_shards":2,"analysis":{"char_filter":{"bk_sigma":{"type":"mapping","mappings":["ς => σ"]}},"tokenizer":{"bk_words":{"type":"pattern","pattern":"[^\\\\p{L}\\\\p{N}]+"}},"filter":{"bk_length":{"type":"truncate","length":1000}},"analyzer":{"bk_words":{"type":"custom","char_filter":["bk_sigma"],"tokenizer":"bk_words","filter":["lowercase","bk_length"]}}}},"mappings":{"dynamic":"strict","properties":{"$order":{"type":"object"},"$long":{"type":"object","dynamic":false},"$has":{"type":"object","properties":{"tags":{"type":"boolean"},"meta":{"type":"boolean"}}},"$index":{"type":"object","properties":{"place,stars":{"type":"boolean","index":false,"doc_values":false}}},"$unique":{"type":"object"},"owner":{"type":"keyword","meta":{"kind":"text","key":"1"}},"taken":{"type":"long","meta":{"kind":"int","key":"2"}},"tags":{"type":"keyword","meta":{"kind":"list of text"}},"meta":{"type":"keyword","index":false,"doc_values":false,"meta":{"kind":"json"}},"place":{"type":"keyword","meta":{"kind":"text"}},"stars":{"type":"long","meta":{"kind":"int"}},"expires":{"type":"long","meta":{"kind":"int"}}}}}}",
        "define table of each kind": "{"PUT":"/app-sample.v1","body":{"aliases":{"app-sample":{}},"settings":{"number_of_shards":2,"analysis":{"char_filter":{"bk_sigma":{"type":"mapping","mappings":["ς => σ"]}},"tokenizer":{"bk_words":{"type":"pattern","pattern":"[^\\\\p{L}\\\\p{N}]+"}},"filter":{"bk_length":{"type":"truncate","length":1000}},"analyzer":{"bk_words":{"type":"custom","char_filter":["bk_sigma"],"tokenizer":"bk_words","filter":["lowercase","bk_length"]}}}},"mappings":{"dynamic":"strict","properties":{"$order":{"type":"object","properties":{"big":{"type":"keyword"},"price":{"type":"keyword"}}},"$long":{"type":"object","dynamic":false},"$has":{"type":"object","properties":{"bytes":{"type":"boolean"}}},"$index":{"type":"object","properties":{"price":{"type":"boolean","index":false,"doc_values":false}}},"$unique":{"type":"object"},"number":{"type":"long","meta":{"kind":"int","key":"1"}},"big":{"type":"long","meta":{"kind":"int64"}},"ratio":{"type":"double","meta":{"kind":"real"}},"price":{"type":"keyword","meta":{"kind":"decimal"}},"on":{"type":"boolean","meta":{"kind":"bool"}},"born":{"type":"date","meta":{"kind":"time"}},"bytes":{"type":"binary","meta":{"kind":"blob"}}}}}}",
        "define unique group": "{"PUT":"/app-account/_mapping","body":{"properties":{"$unique":{"properties":{"email":{"type":"boolean","index":false,"doc_values":false}}}}}}",
        "delete": "{"POST":"/app-photo/_bulk","action":"delete","key":[{"slot":0},{"slot":1}]}",
        "filter comparisons": "{"POST":"/app-photo/_search","body":{"query":{"bool":{"filter":[{"bool":{"filter":[{"exists":{"field":"stars"}}],"must_not":[{"term":{"stars":{"value":{"slot":0}}}}]}},{"range":{"stars":{"lt":{"slot":1}}}},{"range":{"stars":{"lte":{"slot":2}}}},{"bool":{"should":[{"range":{"stars":{"lt":{"slot":3}}}},{"range":{"stars":{"gt":{"slot":4}}}}],"minimum_should_match":1}},{"exists":{"field":"stars"}}]}},"sort":[{"owner":{"order":"asc","missing":"_first"}},{"taken":{"order":"asc","missing":"_first"}}],"size":{"slot":9},"_source":["owner","$long.owner","taken"]}}",
        "filter elements": "{"POST":"/app-photo/_search","body":{"query":{"bool":{"filter":[{"term":{"tags":{"value":{"slot":0}}}},{"bool":{"filter":[{"bool":{"should":[{"term":{"$has.tags":{"value":true}}},{"exists":{"field":"tags"}}],"minimum_should_match":1}}],"must_not":[{"term":{"tags":{"value":{"slot":1}}}}]}}]}},"sort":[{"owner":{"order":"asc","missing":"_first"}},{"taken":{"order":"asc","missing":"_first"}}],"size":{"slot":9},"_source":["owner","$long.owner","taken"]}}",
        "filter lists": "{"POST":"/app-photo/_search","body":{"query":{"bool":{"filter":[{"terms":{"stars":[{"slot":0},{"slot":1},{"slot":2}]}},{"bool":{"filter":[{"exists":{"field":"place"}}],"must_not":[{"terms":{"place":[{"slot":3},{"slot":4}]}}]}}]}},"sort":[{"owner":{"order":"asc","missing":"_first"}},{"taken":{"order":"asc","missing":"_first"}}],"size":{"slot":9},"_source":["owner","$long.owner","taken"]}}",
        "get": "{"GET":"/app-account/_doc/…","id":{"key":[{"slot":0}]}}",
        "get of each kind": "{"GET":"/app-sample/_doc/…","id":{"key":[{"slot":0}]}}",
        "get, one column, key of two": "{"GET":"/app-photo/_doc/…?_source=place%2C%24long.place","id":{"key":[{"slot":0},{"slot":1}]}}",
        "inspect": "{"GET":"/app-photo/_mapping"}",
        "put": "{"POST":"/app-account/_bulk","action":"index","key":[{"slot":0}],"row":[{"slot":0},{"slot":1},{"slot":2},{"slot":3},{"slot":4}]}",
        "put of an open table": "{"POST":"/app-note/_bulk","action":"index","key":[{"slot":0}],"row":[{"slot":0},{"slot":1},{"slot":2}]}",
        "search": "{"POST":"/app-post/_search","body":{"query":{"match_all":{}},"search":{"slot":0},"sort":[{"id":{"order":"asc","missing":"_first"}}],"size":{"slot":1}}}",
        "select all": "{"POST":"/app-account/_search","body":{"query":{"match_all":{}},"sort":[{"id":{"order":"asc","missing":"_first"}}],"size":{"slot":0}}}",
        "select and, or": "{"POST":"/app-photo/_search","body":{"query":{"bool":{"filter":[{"term":{"owner":{"value":{"slot":0}}}},{"bool":{"should":[{"term":{"place":{"value":{"slot":1}}}},{"range":{"stars":{"gt":{"slot":2}}}}],"minimum_should_match":1}}]}},"sort":[{"owner":{"order":"asc","missing":"_first"}},{"taken":{"order":"asc","missing":"_first"}}],"size":{"slot":9},"_source":["owner","$long.owner","taken"]}}",
        "select by index, next page": "{"POST":"/app-photo/_search","body":{"query":{"term":{"place":{"value":{"slot":0}}}},"sort":[{"stars":{"order":"asc","missing":"_first"}},{"owner":{"order":"asc","missing":"_first"}},{"taken":{"order":"asc","missing":"_first"}}],"size":{"slot":4},"_source":["taken","stars","owner","$long.owner"],"search_after":[{"slot":1},{"slot":2},{"slot":3}]}}",
        "select by partition, newest first": "{"POST":"/app-photo/_search","body":{"query":{"term":{"owner":{"value":{"slot":0}}}},"sort":[{"taken":{"order":"desc","missing":"_last"}},{"owner":{"order":"desc","missing":"_last"}}],"size":{"slot":1}}}",
        "select by partition, next page": "{"POST":"/app-photo/_search","body":{"query":{"term":{"owner":{"value":{"slot":0}}}},"sort":[{"taken":{"order":"desc","missing":"_last"}},{"owner":{"order":"desc","missing":"_last"}}],"size":{"slot":3},"_source":["owner","$long.owner","taken"],"search_after":[{"slot":1},{"slot":2}]}}",
        "select nested": "{"POST":"/app-photo/_search","body":{"query":{"bool":{"should":[{"bool":{"filter":[{"term":{"owner":{"value":{"slot":0}}}},{"range":{"taken":{"gte":{"slot":1}}}}]}},{"bool":{"filter":[{"range":{"stars":{"gte":{"slot":2},"lte":{"slot":3}}}},{"bool":{"must_not":[{"exists":{"field":"place"}}]}}]}}],"minimum_should_match":1}},"sort":[{"owner":{"order":"asc","missing":"_first"}},{"taken":{"order":"asc","missing":"_first"}}],"size":{"slot":9},"_source":["owner","$long.owner","taken"]}}",
        "select nothing": "{"POST":"/app-photo/_search","body":{"query":{"match_none":{}},"sort":[{"owner":{"order":"asc","missing":"_first"}},{"taken":{"order":"asc","missing":"_first"}}],"size":{"slot":9},"_source":["owner","$long.owner","taken"]}}",
        "select, next page, mixed directions": "{"POST":"/app-photo/_search","body":{"query":{"match_all":{}},"sort":[{"stars":{"order":"asc","missing":"_first"}},{"owner":{"order":"desc","missing":"_last"}},{"taken":{"order":"asc","missing":"_first"}}],"size":{"slot":3},"_source":["stars","owner","$long.owner","taken"],"search_after":[{"slot":0},{"slot":1},{"slot":2}]}}",
        "select, next page, nullable column descending": "{"POST":"/app-photo/_search","body":{"query":{"match_all":{}},"sort":[{"stars":{"order":"desc","missing":"_last"}},{"owner":{"order":"desc","missing":"_last"}},{"taken":{"order":"desc","missing":"_last"}}],"size":{"slot":3},"_source":["stars","owner","$long.owner","taken"],"search_after":[{"slot":0},{"slot":1},{"slot":2}]}}",
        "update": "{"POST":"/app-photo/_bulk","action":"update","key":[{"slot":0},{"slot":1}],"changes":[{"column":"stars","op":"set","slot":2},{"column":"place","op":"unset"}]}",
        "update of nothing": "{"POST":"/app-note/_bulk","action":"update","key":[{"slot":0}],"changes":[]}",
        "upsert": "{"POST":"/app-account/_bulk","action":"update","key":[{"slot":0}],"changes":[{"column":"logins","op":"incr","slot":5}],"insert":[{"slot":0},{"slot":1},{"slot":2},{"slot":3},{"slot":4}]}",
      }
    `);
  });
});
