import { render } from "preact";

import { App } from "./app";
import { followSession } from "./matrix/client";
import "./styles/base.css";

followSession();
render(<App />, document.getElementById("app")!);
