import { fixture } from "../src/drivers/level/fixture.js";
import { testDefects } from "./defects/test-defects.js";

testDefects(fixture);
