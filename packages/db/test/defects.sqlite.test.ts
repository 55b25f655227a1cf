import { fixture } from "../src/drivers/sqlite/fixture.js";
import { testDefects } from "./defects/test-defects.js";

testDefects(fixture);
