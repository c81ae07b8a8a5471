import { connect } from "./oyez.js";

const network = await connect();
document.forms[0].onsubmit = (event) => {
  event.preventDefault();
  network.post(event.target.elements.said.value);
};
for await (const { user, object } of network) {
  document.querySelector("ul").append(`${user}: ${object.content}`, document.createElement("br"));
}
