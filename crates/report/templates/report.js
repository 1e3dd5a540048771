const hover = document.getElementById('hover');
document.addEventListener('mousemove', event => {
  const marked = event.target.closest('[data-tip]');
  hover.hidden = !marked;
  if (!marked) return;
  hover.textContent = marked.dataset.tip;
  const right = event.clientX + hover.offsetWidth + 24 > innerWidth;
  const below = event.clientY + hover.offsetHeight + 24 > innerHeight;
  hover.style.left = Math.max(4, right ? event.clientX - hover.offsetWidth - 12 : event.clientX + 12) + 'px';
  hover.style.top = Math.max(4, below ? event.clientY - hover.offsetHeight - 12 : event.clientY + 12) + 'px';
});
const table = document.getElementById('operators');
const sort = (column, descending) => {
  const key = row => {
    const cell = row.cells[column];
    return cell.dataset.v === undefined ? cell.textContent : Number(cell.dataset.v);
  };
  const order = (a, b) => typeof a === 'number' ? a - b : a.localeCompare(b);
  const rows = [...table.tBodies[0].rows].sort((a, b) => (descending ? -1 : 1) * order(key(a), key(b)));
  table.tBodies[0].append(...rows);
  [...table.tHead.rows[0].cells].forEach(cell => cell.removeAttribute('aria-sort'));
  table.tHead.rows[0].cells[column].setAttribute('aria-sort', descending ? 'descending' : 'ascending');
};
[...table.tHead.rows[0].cells].forEach((head, column) => head.addEventListener('click', () => {
  const number = head.classList.contains('n') && column > 0;
  sort(column, head.hasAttribute('aria-sort') ? head.getAttribute('aria-sort') === 'ascending' : number);
}));
sort(7, true);
const scroll = document.querySelector('.scroll');
scroll.scrollLeft = (scroll.scrollWidth - scroll.clientWidth) / 2;
