batch,claims,total
HFH-0422,3,329.00
