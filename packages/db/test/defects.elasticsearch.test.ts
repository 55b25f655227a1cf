import { fixture } from "../src/drivers/elasticsearch/fixture.js";
import { testDefects } from "./defects/test-defects.js";

testDefects(fixture);
