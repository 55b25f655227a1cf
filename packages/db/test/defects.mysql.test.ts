import { fixture } from "../src/drivers/mysql/fixture.js";
import { testDefects } from "./defects/test-defects.js";

testDefects(fixture);
