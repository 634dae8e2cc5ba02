import { conductoroneS3 } from "../../src/blueprints/conductorone-s3.ts";
import { contractSuite } from "./contract-suite.ts";

contractSuite(conductoroneS3);
