import { fixture } from "../src/drivers/mysql/fixture.js";
import { testDefects } from "./defects.js";

testDefects(fixture);
