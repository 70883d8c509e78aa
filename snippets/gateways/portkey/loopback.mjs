import { Server } from "node:net";

const listen = Server.prototype.listen;
Server.prototype.listen = function (port, _host, ...rest) {
  return listen.call(this, port, "127.0.0.1", ...rest);
};
