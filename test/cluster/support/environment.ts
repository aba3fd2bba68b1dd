import { KUBECONFIG } from "./regions";

// programs under test find the regions' clusters as contexts of their names
process.env.KUBECONFIG = KUBECONFIG;
