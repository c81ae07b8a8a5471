/**
 * Loads the page anew when a part of it did not arrive: a network that changes meanwhile (a laptop that is carried from
 * one to another) breaks off what is under way, and a page without one of its scripts would stay empty. Not a module,
 * so that it listens before the first of them is asked for.
 */

addEventListener("error", (event) => {
  if (event.target !== window) setTimeout(() => location.reload(), 1000); // else it is an error of a script that runs
}, true);
