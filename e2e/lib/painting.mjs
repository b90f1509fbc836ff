/** Paints hills at sunrise in a page and returns them as a JPEG, so that no image lies in the tree. */
export async function paint(page, width, height) {
  const bytes = await page.evaluate(async ([w, h]) => {
    const canvas = Object.assign(document.createElement('canvas'), { width: w, height: h });
    const draw = canvas.getContext('2d');
    const sky = draw.createLinearGradient(0, 0, 0, h);
    sky.addColorStop(0, '#f6b26b');
    sky.addColorStop(0.55, '#e8806a');
    sky.addColorStop(1, '#6a4c7d');
    draw.fillStyle = sky;
    draw.fillRect(0, 0, w, h);
    draw.fillStyle = '#fff3d6';
    draw.beginPath();
    draw.arc(w * 0.67, h * 0.47, h * 0.12, 0, 7);
    draw.fill();
    [[0.62, '#5b4070'], [0.72, '#46325c'], [0.82, '#2e2245']].forEach(([top, colour], i) => {
      draw.fillStyle = colour;
      draw.beginPath();
      draw.moveTo(0, h);
      for (let x = 0; x <= w; x += 4) {
        const t = (x / w) * 7;
        draw.lineTo(x, h * (top - 0.1 * Math.sin(t + i * 2.6) - 0.045 * Math.sin(2.4 * t + i * 4)));
      }
      draw.lineTo(w, h);
      draw.fill();
    });
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', 0.9));
    return [...new Uint8Array(await blob.arrayBuffer())];
  }, [width, height]);
  return Buffer.from(bytes);
}
