const socket = io();
const text = document.getElementById('text');

document.getElementById('form').addEventListener('submit', (event) => {
  event.preventDefault();
  socket.emit('pesan', text.value);
  text.value = '';
});

socket.on('pesanBaru', (message) => {
  const line = document.createElement('li');
  line.textContent = message;
  document.getElementById('messages').append(line);
});
