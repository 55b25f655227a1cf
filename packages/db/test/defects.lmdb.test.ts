import { fixture } from "../src/drivers/lmdb/fixture.js";
import { testDefects } from "./defects/test-defects.js";

testDefects(fixture);
