import { fixture } from "../src/drivers/mongodb/fixture.js";
import { testDefects } from "./defects/test-defects.js";

testDefects(fixture);
