import { fixture } from "../src/drivers/couchdb/fixture.js";
import { testDefects } from "./defects/test-defects.js";

testDefects(fixture);
