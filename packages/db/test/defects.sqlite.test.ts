import { fixture } from "../src/drivers/sqlite/fixture.js";
import { testDefects } from "./defects.js";

testDefects(fixture);
