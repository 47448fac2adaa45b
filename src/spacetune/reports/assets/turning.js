"use strict";
/* Drawings of points in space: drag one, or give it the arrow keys, and it turns. `turning.py` draws the first view. */

const STEP = 0.1; // radians a key

for (const svg of document.querySelectorAll("svg.turning")) {
  const told = svg.dataset;
  const [middleX, middleY, scale] = told.frame.split(" ").map(Number);
  let [yaw, pitch] = told.angles.split(" ").map(Number);
  const parts = Array.from(svg.querySelectorAll("[data-p]"), (element) => [element, element.dataset.p.split(" ").map(Number)]);

  function draw() {
    for (const [element, [x, y, z]] of parts) {
      const across = x * Math.cos(yaw) + z * Math.sin(yaw), back = z * Math.cos(yaw) - x * Math.sin(yaw);
      const up = y * Math.cos(pitch) - back * Math.sin(pitch), near = y * Math.sin(pitch) + back * Math.cos(pitch);
      const place = [middleX + scale * across, middleY - scale * up].map((value) => value.toFixed(1));
      if (element.tagName === "line") ["x2", "y2"].forEach((name, i) => element.setAttribute(name, place[i]));
      else element.setAttribute("transform", `translate(${place.join(" ")}) scale(${(1 + 0.35 * near).toFixed(2)})`);
    }
  }

  function turn(right, down) {
    yaw += right;
    pitch = Math.max(-Math.PI / 2, Math.min(Math.PI / 2, pitch + down));
    draw();
  }

  svg.addEventListener("pointerdown", (event) => svg.setPointerCapture(event.pointerId));
  svg.addEventListener("pointermove", (event) => {
    if (svg.hasPointerCapture(event.pointerId)) turn(event.movementX / 120, event.movementY / 120);
  });
  svg.addEventListener("keydown", (event) => {
    const turned = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[event.key];
    if (!turned) return;
    event.preventDefault();
    turn(...turned);
  });
}
