import { arrayStore } from "../../src/testing/array-store.js";
import { describeKvStore } from "../../src/testing/kv-store-suite.js";

describeKvStore("arrays", async () => ({ store: arrayStore(), clean: async () => undefined }));
